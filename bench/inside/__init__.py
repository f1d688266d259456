"""What runs inside the process of the gateway that is measured: wrappers around its functions."""
