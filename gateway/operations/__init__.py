"""One typed function per public operation, shared by every surface. No HTTP here."""
