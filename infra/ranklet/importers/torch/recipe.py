"""The three lines that export a ranker of PyTorch, said wherever a file is refused that was made otherwise."""

from __future__ import annotations

EXPORT = """\
batch = {"user_id": torch.tensor([1, 2]), "history": torch.zeros(2, 50).long(), "item_id": torch.tensor([3, 4])}
rows = {name: {0: torch.export.Dim.DYNAMIC} for name in batch}
torch.export.save(torch.export.export(model.eval(), (batch,), dynamic_shapes=(rows,)), "ranker.pt2")"""
"""For a model whose forward takes one dict. One that takes tensors: `tuple(batch.values())` instead of `(batch,)`, and
`dynamic_shapes=tuple(rows.values())`."""

ADVICE = f"export the model where it was trained, on two rows of its inputs:\n{EXPORT}"
