"""Candidates weighed against goals: scores, how sure they are, and what would change the winner.

Pure: plain values in, plain values out, no ORM.
"""
