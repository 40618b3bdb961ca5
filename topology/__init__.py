"""Where records flow: the catalogue of topics, the stages between them, and their provisioning."""
