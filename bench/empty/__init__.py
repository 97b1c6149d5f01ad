"""An empty DRF view on the service's own server, for B6 to compare with: these settings serve it, no others do."""
