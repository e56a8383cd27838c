"""What the service is compared with, each as quick as its author would make it."""
