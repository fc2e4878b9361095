import pytest

from glyphvae.api.validators import is_known, tag_of

TAG = tag_of(b"content")


@pytest.mark.parametrize(
    ("header", "known"),
    [(TAG, True), (f"W/{TAG}", True), (f'"a", {TAG}', True), ("*", True), ("", False), (TAG.strip('"'), False)],
)
def test_a_client_names_what_it_keeps(header: str, known: bool) -> None:
    assert is_known(TAG, header) is is_known(f"W/{TAG}", header) is known


def test_other_content_has_another_tag() -> None:
    assert tag_of(b"other") != TAG
