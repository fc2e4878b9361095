"""What requests and responses share."""
