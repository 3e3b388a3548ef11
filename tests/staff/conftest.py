"""Sam looks at Alice's pages."""

import pytest

from staff import looking


@pytest.fixture
def looks(sam_client, alice):
    """Sam's client, which shows Alice's pages."""
    answer = sam_client.post(f"/admin/customer-pages/{alice.pk}/", {"reason": "She asked why her order waits."})
    assert (answer.status_code, answer.url) == (302, "/dashboard/")
    assert looking.SESSION_KEY in sam_client.session
    return sam_client
