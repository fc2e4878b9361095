"""Return of strokes that a label has lost while the strokes of a pen were learned.

Half of NIST's writers set no dot on an i, and a stem that reaches up to where the others have theirs explains both. The
dot fades then, and a faint stroke has no gradient that would bring it back. So a label whose template has several
pieces, one of which is drawn no more, begins again at its template in the middle of the training, when hands are known.
All its pieces are then drawn whatever the latents, so that what is left to learn is where.
"""

import torch
from torch import Tensor
from torch.nn import functional

from glyphvae_training.data.lettering import Lettering
from glyphvae_training.data.single_strokes import Templates
from glyphvae_training.models.pen import DRAWN, Pen, template_presence

# Units of the cell between a stroke and all others, if it is a piece of its own.
APART = 2.0
# Output of the decoder for a piece that is always drawn: its presence is 1 and has no gradient.
ALWAYS = 8.0
# Share of a label's glyphs that have a piece unless it is lost.
USUALLY = 0.75


@torch.no_grad()
def restore(model: Pen, templates: Templates, lettering: Lettering) -> list[int]:
    """Let labels that have lost a piece begin again at their templates.

    Args:
        model: The pen, changed in place.
        templates: Of every label.
        lettering: Writers' glyphs.

    Returns:
        These labels.
    """
    control, present = torch.from_numpy(templates.control), torch.from_numpy(templates.present)
    own = pieces(model.decoder.curve @ control, present)
    images, labels = torch.from_numpy(lettering.images), torch.from_numpy(lettering.labels)
    restored: list[int] = []
    for label in torch.unique(labels).tolist():
        rows = torch.nonzero(labels == label).squeeze(1)
        x = functional.avg_pool2d(images[rows].float() / 255, 2)
        z, _ = model.with_prior(*model.posterior(x, labels[rows]))
        drawn = (model.write(z, labels[rows]).presence > DRAWN).float().mean(dim=0)  # (strokes,)
        if (own[label] & (drawn < USUALLY)).any():
            presence = torch.where(own[label], ALWAYS, template_presence(present[label]))
            model.decoder.begin_again(label, z, control[label], presence)
            restored.append(label)
    return restored


def pieces(points: Tensor, present: Tensor) -> Tensor:
    """Return which strokes are pieces of their own, bool (labels, strokes); none where there is but one.

    Args:
        points: (labels, strokes, vertices, 2), in units of the cell.
        present: bool (labels, strokes).
    """
    labels, strokes, vertices, _ = points.shape
    flat = points.flatten(1, 2)
    apart = torch.cdist(flat, flat).view(labels, strokes, vertices, strokes, vertices).amin(dim=(2, 4))
    other = present[:, None, :] & ~torch.eye(strokes, dtype=torch.bool)
    nearest = apart.masked_fill(~other, torch.inf).amin(dim=2)  # (labels, strokes)
    return present & (nearest > APART) & (present.sum(dim=1) > 1)[:, None]
