"""Phones on the box's own hotspot: what they ask to learn whether there is internet."""

import pytest


@pytest.mark.parametrize(
    ("phone", "address", "status", "text"),
    [
        ("Android", "http://connectivitycheck.gstatic.com/generate_204", 204, ""),
        ("iPhone", "http://captive.apple.com/hotspot-detect.html", 200, "<BODY>Success</BODY>"),
        (
            "Windows",
            "http://www.msftconnecttest.com/connecttest.txt",
            200,
            "Microsoft Connect Test",
        ),
        ("Firefox", "http://detectportal.firefox.com/success.txt", 200, "success"),
    ],
    ids=lambda value: str(value)[:7],
)
def test_a_phone_hears_what_it_wants_to_hear_and_stays(client, phone, address, status, text):
    answer = client.get(address, base_url=address.rpartition("/")[0])
    assert answer.status_code == status
    assert text in answer.text


def test_every_other_page_answers_to_its_own_names_only(client):
    assert client.get("/", base_url="http://captive.apple.com").status_code == 400
    answer = client.post("/generate_204", base_url="http://connectivitycheck.gstatic.com")
    assert answer.status_code in (400, 403, 405)
