"""Requests in, answers out: one thin function per route, around an operation."""
