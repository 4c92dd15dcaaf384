"""What is hard to come by on EC2: a spot interruption, and a metadata service that throttles."""

import drain


def test_the_notice_comes_two_minutes_before(imds):
    imds.clock.pause()
    imds.events.spot_interruption(in_="10m")
    imds.clock.advance("7m59s")
    assert not drain.is_to_go()
    imds.clock.advance("1s")
    assert drain.is_to_go()


def test_one_refusal_is_no_harm(imds):
    imds.faults.add("status", status=503, path="/latest/meta-data/spot", count=1)
    assert not drain.is_to_go()
    assert [call.status for call in imds.calls(path="*/spot/instance-action")] == [503, 404]
