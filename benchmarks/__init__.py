"""Measurements side by side with what users would take instead."""
