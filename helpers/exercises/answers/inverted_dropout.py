"""Reference and suspects of notebook 10's dropout."""

from __future__ import annotations

import torch

from helpers.judge.model import Suspect
from helpers.judge.variant import variant


def inverted_dropout(x: torch.Tensor, p: float, training: bool) -> torch.Tensor:
    """Dropout on a tensor of any shape; the result has its shape and dtype, and x stays as it is.

    training: each value becomes 0 with probability p, on its own, and every call draws anew; what is kept is divided
    by 1 − p.  0 ≤ p ≤ 1; for p = 1 the result is all zeros.  Not training: x as it is.
    """
    ### BEGIN SOLUTION
    if not training:
        return x
    if p == 1:
        return torch.zeros_like(x)
    keep = torch.rand_like(x) >= p
    return x * keep / (1 - p)
    ### END SOLUTION


REFERENCE = {"inverted_dropout": inverted_dropout}

_KEEP = "keep = torch.rand_like(x) >= p"
_RETURN = "return x * keep / (1 - p)"
_EVAL = "if not training:\n        return x"
_ONE = "if p == 1:\n        return torch.zeros_like(x)"
_FACTOR = "low/largest factor of a value that is kept"


def _suspect(
    id: str, category: str, title: str, *edits: tuple[str, str], shows: str = "", refuted_by: tuple[str, ...] = ()
) -> Suspect:
    return Suspect(id, category, title, variant(inverted_dropout, *edits), shows, refuted_by=refuted_by)


SUSPECTS = {
    "inverted_dropout": (
        _suspect(
            "not_scaled",
            "scale",
            "what is kept is not scaled; in the inverted form it is divided by 1 − p in training.",
            (_RETURN, "return x * keep"),
            shows=_FACTOR,
        ),
        _suspect(
            "scaled_in_eval",
            "scale",
            "this is the older form: nothing is scaled in training, and eval mode multiplies by 1 − p. Inverted dropout divides "
            "in training and leaves eval mode alone.",
            (_EVAL, "if not training:\n        return x * (1 - p)"),
            (_RETURN, "return x * keep"),
            shows="eval/largest output ÷ input",
        ),
        _suspect(
            "scaled_twice",
            "scale",
            "both modes are scaled; one of the two is enough, and here it is training.",
            (_EVAL, "if not training:\n        return x * (1 - p)"),
            shows="eval/largest output ÷ input",
        ),
        _suspect(
            "divided_in_both",
            "scale",
            "eval mode is divided by 1 − p as well; there nothing was dropped.",
            (_EVAL, "if not training:\n        return x / (1 - p)"),
            shows="eval/largest output ÷ input",
        ),
        _suspect(
            "divided_by_p",
            "scale",
            "you divide by p, the share that is dropped; divide by 1 − p, the share that is kept.",
            (_RETURN, "return x * keep / max(p, 1e-12)"),
            shows=_FACTOR,
        ),
        _suspect(
            "multiplied",
            "scale",
            "you multiply by 1 − p; what is kept has to become larger, so divide.",
            (_RETURN, "return x * keep * (1 - p)"),
            shows=_FACTOR,
        ),
        _suspect(
            "root",
            "scale",
            "you divide by √(1 − p), which keeps the second moment; inverted dropout keeps the mean, with 1 − p.",
            (_RETURN, "return x * keep / (1 - p) ** 0.5"),
            shows=_FACTOR,
        ),
        _suspect(
            "without_brackets",
            "scale",
            "`/ 1 - p` divides by 1 and then subtracts p; the brackets around 1 − p are missing.",
            (_RETURN, "return x * keep / 1 - p"),
        ),
        _suspect(
            "share_that_was_kept",
            "scale",
            "you divide by the share that happened to be kept in this call; asked for is 1 − p, the same in every call.",
            (_RETURN, "return x * keep / keep.double().mean().to(x.dtype)"),
            shows=_FACTOR,
        ),
        _suspect(
            "p_is_kept",
            "mask",
            "p is the probability to keep in your code; here, as in PyTorch, it is the probability to drop. (In Srivastava et al. "
            "2014 it is the other way round.)",
            (_ONE, "if p == 0:\n        return torch.zeros_like(x)"),
            (_KEEP, "keep = torch.rand_like(x) < p"),
            (_RETURN, "return x * keep / p"),
            shows="low/share of zeros",
        ),
        _suspect(
            "comparison_turned",
            "mask",
            "the comparison is the wrong way round: a number from 0 to 1 lies below p in a share p of the cases, and these are to be "
            "dropped.",
            (_KEEP, "keep = torch.rand_like(x) < p"),
            shows="low/share of zeros",
        ),
        _suspect(
            "normal_numbers",
            "mask",
            "`torch.randn` draws normal numbers, of which far more than a share p lies below p; `torch.rand` draws from 0 to 1.",
            (_KEEP, "keep = torch.randn_like(x) >= p"),
            shows="low/share of zeros",
        ),
        _suspect(
            "bernoulli_of_a_number",
            "mask",
            "`torch.bernoulli` takes a tensor that holds a probability for each value; `torch.full_like(x, 1 - p)` is one.",
            (_KEEP, "keep = torch.bernoulli(1 - p)"),
        ),
        _suspect(
            "one_coin_a_column",
            "mask",
            "one coin is thrown for each feature, and all rows share it; throw one for each value.",
            (_KEEP, "keep = torch.rand(x.shape[-1]) >= p"),
            shows="low/do the values of a column fall together (1 yes, 0 no)",
        ),
        _suspect(
            "one_mask",
            "mask",
            "one mask is drawn, of the shape of one example, and every example gets it; draw one of the shape of x.",
            (_KEEP, "keep = torch.rand(x.shape[1:]) >= p"),
            shows="blocks/do two examples have the same mask (1 yes, 0 no)",
        ),
        _suspect(
            "rows_repeat",
            "mask",
            "the mask repeats from row to row: several rows share one; throw a coin for each value.",
            (_KEEP, "keep = (torch.rand(len(x) // 2, *x.shape[1:]) >= p).repeat(2, *[1] * (x.dim() - 1))"),
            shows="low/do two rows have the same mask (1 yes, 0 no)",
        ),
        _suspect(
            "columns_repeat",
            "mask",
            "the mask repeats from column to column: several columns share one; throw a coin for each value.",
            (
                _KEEP,
                "keep = (torch.rand(*x.shape[:-1], x.shape[-1] // 2 + 1) >= p).repeat_interleave(2, -1)[..., : x.shape[-1]]",
            ),
            shows="low/do two columns have the same mask (1 yes, 0 no)",
        ),
        _suspect(
            "whole_channels",
            "mask",
            "where there are more dimensions than two, whole channels are dropped, as `nn.Dropout2d` does it; throw a coin for "
            "each value.",
            (_KEEP, "keep = torch.rand(*x.shape[:2], *[1] * (x.dim() - 2)) >= p"),
            shows="blocks/do two places have the same mask (1 yes, 0 no)",
        ),
        _suspect(
            "one_coin_a_row",
            "mask",
            "one coin is thrown for each row, and all its features share it; throw one for each value.",
            (_KEEP, "keep = torch.rand(len(x), 1) >= p"),
            shows="low/do the values of a row fall together (1 yes, 0 no)",
        ),
        _suspect(
            "rows_and_columns",
            "mask",
            "whole rows and whole columns are dropped, one coin for each of them; throw one for each value.",
            (
                _KEEP,
                "q = 1 - (1 - p) ** 0.5\n    keep = (torch.rand(len(x), *[1] * (x.dim() - 1)) >= q) & (torch.rand(x.shape[-1]) >= q)",
            ),
            shows="low/do the values of a column fall together (1 yes, 0 no)",
        ),
        _suspect(
            "one_coin",
            "mask",
            "one coin is thrown for the whole tensor; throw one for each value.",
            (_KEEP, "keep = torch.zeros(()) + (p < 0.5)"),
        ),
        _suspect(
            "seeded",
            "mask",
            "the mask is the same in every call, as with a seed inside the function; each call has to draw anew.",
            (
                _KEEP,
                "keep = torch.rand(x.shape, generator=torch.Generator().manual_seed(0)) >= p",
            ),
            shows="low/does a second call drop the same values (1 yes, 0 no)",
        ),
        _suspect(
            "every_mode",
            "mode",
            "it drops in eval mode too; `training` is not asked.",
            (_EVAL, "if False:\n        return x"),
            shows="eval/smallest output ÷ input",
        ),
        _suspect(
            "modes_swapped",
            "mode",
            "the modes are swapped: it drops in eval mode, and passes everything on in training.",
            ("if not training:", "if training:"),
            shows="low/share of zeros",
        ),
        _suspect(
            "never",
            "mode",
            "nothing is dropped in any mode.",
            (_KEEP, "keep = torch.ones_like(x)"),
            (_RETURN, "return x * keep"),
            (_ONE, "if False:\n        return torch.zeros_like(x)"),
            shows="low/share of zeros",
        ),
        _suspect(
            "scaled_only",
            "mask",
            "all values are divided by 1 − p, and none is dropped.",
            (_KEEP, "keep = torch.ones_like(x)"),
            shows="low/share of zeros",
            refuted_by=(r"randn|normal",),
        ),
        _suspect(
            "zero_by_zero",
            "edges",
            "for p = 1 you divide 0 by 1 − p = 0, and get NaN; nothing is kept, so return zeros.",
            (_ONE, "if False:\n        return torch.zeros_like(x)"),
            shows="edges/output for p = 1",
        ),
        _suspect(
            "passes_at_one",
            "edges",
            "for p = 1 you return x; nothing is kept there, so the result is all zeros.",
            ("torch.zeros_like(x)", "x"),
            shows="edges/output for p = 1",
        ),
        _suspect(
            "in_place",
            "edges",
            "you write into the tensor that was passed in; make a new one.",
            (_RETURN, "x.data.mul_(keep / (1 - p))\n    return x"),
            shows="low/largest change of the x that was passed in",
        ),
        _suspect(
            "cut_off",
            "edges",
            "the result is cut off from the graph, by `.detach()`, `.data`, NumPy or `no_grad`; the gradient has to pass what is "
            "kept.",
            (_RETURN, "return (x * keep / (1 - p)).detach()"),
            shows="gradient",
        ),
        _suspect(
            "gradient_passes_all",
            "edges",
            "the gradient passes the dropped values too; it is 0 there and 1 / (1 − p) elsewhere, as autograd finds it for a "
            "product with the mask.",
            (_RETURN, "return x + (x * keep / (1 - p) - x).detach()"),
            shows="gradient/largest difference of the gradient from output ÷ input",
        ),
        _suspect(
            "noise",
            "mask",
            "you multiply by numbers from 0 to 1; turn them into a mask of zeros and ones.",
            (_KEEP, "keep = torch.rand_like(x)"),
            shows="low/share of zeros",
        ),
    )
}
