"""The gateway's description: what a route says of itself, and the OpenAPI document of all."""
