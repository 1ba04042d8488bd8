"""A simulated Intercom workspace on your machine, to try a pipeline without a token.

Nothing in the tap imports it.
"""
