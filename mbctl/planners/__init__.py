"""Planners: action sequences found by sampling in a dynamics ensemble."""
