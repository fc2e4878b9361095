"""Parts that requests and responses share."""
