"""Observe, judge, explain, show: the machinery that every exercise shares.

``observe`` is the only step that runs the learner's code.  ``judge`` and ``explain`` are pure functions of what was
observed.  ``show`` turns their results into a card.  :class:`helpers.judge.exercise.Exercise` ties the four together
behind the verbs that a notebook uses.
"""
