# mypy: disable-error-code="assignment, arg-type"
"""Reference and suspects of notebook 10's early stopping."""

from __future__ import annotations

import copy

from torch import nn

from helpers.judge.model import Suspect
from helpers.judge.variant import variant


class EarlyStopping:
    """Says when a training is to stop, and brings back the best epoch.

    patience: after so many epochs in a row whose loss is not lower than the lowest one before them, stop.
    """

    def __init__(self, patience: int):
        ### BEGIN SOLUTION
        self.patience = patience
        self.best = float("inf")
        self.waited = 0
        self.kept = None
        ### END SOLUTION

    def step(self, loss: float, model: nn.Module) -> bool:
        """Call it after each epoch, with the validation loss and the model as it is now; True means stop.

        A loss of NaN is no improvement.  Training goes on with the same model, which changes in place.
        """
        ### BEGIN SOLUTION
        if loss < self.best:
            self.best = loss
            self.waited = 0
            self.kept = copy.deepcopy(model.state_dict())
        else:
            self.waited += 1
        return self.waited >= self.patience
        ### END SOLUTION

    def restore(self, model: nn.Module) -> None:
        """Give the model the weights and the buffers that it had after the epoch with the lowest loss."""
        ### BEGIN SOLUTION
        model.load_state_dict(self.kept)
        ### END SOLUTION


REFERENCE = {"early_stopping": EarlyStopping}

_BETTER = "if loss < self.best:"
_RESET = "self.waited = 0\n            self.kept"
_KEPT = "self.kept = copy.deepcopy(model.state_dict())"
_WAIT = "self.waited += 1"
_STOP = "return self.waited >= self.patience"
_BEST = "            self.best = loss\n"
_STOPS = "epoch after which it stops (0: never)"
_LOAD = "model.load_state_dict(self.kept)"


def _suspect(id: str, category: str, title: str, *edits: tuple[str, str], shows: str = "", also: str = "") -> Suspect:
    return Suspect(id, category, title, variant(EarlyStopping, *edits), shows, also)


SUSPECTS = {
    "early_stopping": (
        _suspect(
            "one_more",
            "count",
            "it stops one epoch too late: with a patience of 2 the second bad epoch in a row is the last. Compare with >=.",
            (_STOP, "return self.waited > self.patience"),
            shows=f"valley/{_STOPS}",
        ),
        _suspect(
            "one_less",
            "count",
            "it stops one epoch too early: with a patience of 2 a second bad epoch in a row is waited for.",
            (_STOP, "return self.waited + 1 >= self.patience"),
            shows=f"valley/{_STOPS}",
        ),
        _suspect(
            "every_epoch",
            "count",
            "an epoch that is better counts as a bad one too: the counter grows in every epoch.",
            ("        else:\n            self.waited += 1", "        self.waited += 1"),
            shows=f"falling/{_STOPS}",
        ),
        _suspect(
            "never_reset",
            "count",
            "the counter of bad epochs is not set back to 0 by a better one; they count only in a row.",
            (_RESET, "self.kept"),
            shows=f"bumps/{_STOPS}",
        ),
        _suspect(
            "with_the_one_before",
            "best",
            "you compare with the loss of the epoch before; compare with the lowest one so far.",
            (
                "        if loss < self.best:\n            self.best = loss\n",
                "        before, self.best = self.best, loss\n        if loss < before:\n",
            ),
            shows=f"slow/{_STOPS}",
        ),
        _suspect(
            "higher_is_better",
            "best",
            "you take a higher value for the better one, as with accuracy; a loss is better where it is lower.",
            (_BETTER, "if loss > self.best:"),
            ('float("inf")', '-float("inf")'),
            shows=f"falling/{_STOPS}",
        ),
        _suspect(
            "equal_is_better",
            "best",
            "an equal loss counts as an improvement, so a loss that stands still never stops; it has to be lower.",
            (_BETTER, "if loss <= self.best:"),
            shows=f"equal/{_STOPS}",
        ),
        _suspect(
            "from_zero",
            "best",
            "the lowest loss starts at 0, and no loss above that counts as better; start at infinity.",
            ('float("inf")', "0.0"),
            shows=f"valley/{_STOPS}",
        ),
        _suspect(
            "not_remembered",
            "best",
            "the lowest loss is not remembered, so every epoch is better than infinity.",
            (_BEST, ""),
            shows=f"valley/{_STOPS}",
        ),
        _suspect(
            "nan_is_better",
            "best",
            "NaN gets through as an improvement: `nan >= best` is False. Ask `loss < best`, which is False too.",
            (
                "        if loss < self.best:\n            self.best = loss\n            self.waited = 0\n"
                "            self.kept = copy.deepcopy(model.state_dict())\n        else:\n            self.waited += 1\n",
                "        if loss >= self.best:\n            self.waited += 1\n        else:\n            self.best = loss\n"
                "            self.waited = 0\n            self.kept = copy.deepcopy(model.state_dict())\n",
            ),
            shows=f"nan/{_STOPS}",
        ),
        _suspect(
            "first_is_best",
            "best",
            "the first loss is taken as the best whatever it is; where it is NaN, nothing is ever lower.",
            (_BETTER, "if self.kept is None or loss < self.best:"),
            shows=f"from_nan/{_STOPS}",
        ),
        _suspect(
            "nan_stops",
            "best",
            "a loss of NaN stops at once; it counts as an epoch without improvement, and patience decides.",
            (_STOP, "return self.waited >= self.patience or loss != loss"),
            shows=f"nan/{_STOPS}",
        ),
        _suspect(
            "nan_not_counted",
            "best",
            "an epoch with NaN is passed over; it is no improvement either, so it counts as a bad one.",
            (_BETTER, "if loss != loss:\n            return False\n        if loss < self.best:"),
            shows=f"between/{_STOPS}",
        ),
        _suspect(
            "by_a_margin",
            "best",
            "a loss that is only a little lower does not count as better; every lower one does, without a margin.",
            (_BETTER, "if loss < self.best - 1e-3:"),
            shows=f"between/{_STOPS}",
        ),
        _suspect(
            "says_go_on",
            "answer",
            "the answer is the wrong way round: True means stop.",
            (_STOP, "return self.waited < self.patience"),
            shows=f"valley/{_STOPS}",
        ),
        _suspect(
            "no_answer",
            "answer",
            "`step` returns nothing; it has to say True or False after each epoch.",
            (_STOP, "self.stopped = self.waited >= self.patience"),
            shows="valley",
        ),
        _suspect(
            "forgotten_self",
            "answer",
            "`patience = patience` in `__init__` is forgotten when `__init__` ends; keep it on `self`.",
            ("self.patience = patience", "patience = patience"),
        ),
        _suspect(
            "shared",
            "answer",
            "two objects share what they remember; put it on `self` in `__init__`, not on the class.",
            ('self.best = float("inf")', "self.patience = patience"),
            ("    def __init__", '    best, waited = float("inf"), 0\n    kept = None\n\n    def __init__'),
            ("        self.waited = 0\n        self.kept = None\n", ""),
            (
                _BEST + "            self.waited = 0\n",
                "            EarlyStopping.best = loss\n            EarlyStopping.waited = 0\n",
            ),
            (_WAIT, "EarlyStopping.waited += 1"),
            shows="two/epoch after which the second one stops (0: never)",
        ),
        _suspect(
            "no_copy",
            "kept",
            "`state_dict()` holds the tensors themselves, and training changes them: so the last epoch comes back. Copy them.",
            ("copy.deepcopy(model.state_dict())", "model.state_dict()"),
            shows="restored/weights of the first layer",
        ),
        _suspect(
            "buffers_left_out",
            "kept",
            "the weights come back, the buffers do not: `named_parameters` leaves out what batch norm has stored.",
            (
                _KEPT,
                "self.kept = {name: p.detach().clone() for name, p in model.named_parameters()}",
            ),
            (_LOAD, "model.load_state_dict(self.kept, strict=False)"),
            shows="restored/running_mean",
        ),
        _suspect(
            "last_kept",
            "kept",
            "the state of every epoch is kept, so the last one comes back; keep it where the loss is the lowest.",
            (
                "        else:\n            self.waited += 1",
                f"        else:\n            self.waited += 1\n            {_KEPT}",
            ),
            shows="restored/weights of the first layer",
        ),
        _suspect(
            "first_kept",
            "kept",
            "only the first state is kept; each new lowest loss replaces it.",
            (_KEPT, f"if self.kept is None:\n                {_KEPT}"),
            shows="restored/weights of the first layer",
        ),
        _suspect(
            "name_bound_anew",
            "kept",
            "`restore` gives the name `model` to another object; the model that was passed in stays as it was. Load into it.",
            (_KEPT, "self.kept = copy.deepcopy(model)"),
            (_LOAD, "model = self.kept"),
            shows="restored/weights of the first layer",
        ),
        _suspect(
            "returned_only",
            "kept",
            "`restore` leaves the model as it is; load the kept state into it.",
            (_LOAD, "return self.kept"),
            shows="restored/weights of the first layer",
        ),
    )
}

ALIKE = ({"no_copy", "name_bound_anew", "returned_only"},)
