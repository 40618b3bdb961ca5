from contex.webhooks.in_hand import InHand


def test_the_oldest_counts_until_it_is_done() -> None:
    now_s = 100.0
    in_hand = InHand(lambda: now_s)
    assert in_hand.oldest_s == 0
    with in_hand.one():
        now_s = 130.0
        with in_hand.one():
            now_s = 150.0
            assert in_hand.oldest_s == 50
        assert in_hand.oldest_s == 50
    with in_hand.one():
        now_s = 151.0
        assert in_hand.oldest_s == 1
