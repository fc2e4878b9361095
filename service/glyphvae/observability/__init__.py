"""What the service records about itself: metrics, traces and the access log."""
