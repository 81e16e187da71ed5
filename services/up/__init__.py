"""The whole system on one machine: a trainer and a controller as processes of their own, and a
session that collects rows, lets the trainer learn and evaluates until a budget of samples is used.
"""
