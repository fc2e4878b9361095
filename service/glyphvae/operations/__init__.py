"""Operations, a module for each endpoint."""
