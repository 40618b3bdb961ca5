"""Turns texts into unit vectors, behind one port."""
