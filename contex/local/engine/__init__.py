"""The embedded index engine behind the part of Qdrant's gRPC interface that Contex uses."""
