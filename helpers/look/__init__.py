"""The course's look: one small style sheet with its colours, and what cards and tables are made of."""
