"""Signatures, as receivers' libraries check them."""

import base64

from workflows import signing

# The example that Standard Webhooks' own libraries are tested with.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE = ("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, b'{"test": 2432232314}')
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_published_example_is_signed_as_published():
    assert signing.sign(SECRET, *MESSAGE) == SIGNATURE


def test_each_secret_signs():
    other = signing.make_secret()
    assert signing.headers([other, SECRET], *MESSAGE) == {
        "webhook-id": MESSAGE[0],
        "webhook-timestamp": "1614265330",
        "webhook-signature": f"{signing.sign(other, *MESSAGE)} {SIGNATURE}",
    }


def test_a_secret_is_32_random_bytes_in_the_usual_notation():
    first, second = signing.make_secret(), signing.make_secret()
    assert first != second
    assert first.startswith("whsec_")
    assert len(base64.b64decode(first.removeprefix("whsec_"))) == 32
