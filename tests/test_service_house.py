"""The places in the house, with a clock that the test moves."""

import asyncio
from contextlib import ExitStack

import pytest

from service.faults import ClosingError, QueueFullError
from service.house import House


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def refused(house: House) -> QueueFullError:
    with pytest.raises(QueueFullError) as caught, house.place():
        pass
    return caught.value


def test_a_full_house_lets_nobody_in_until_somebody_leaves() -> None:
    seen: list[int] = []
    house = House(places=2, observe=seen.append)
    with house.place():
        with house.place():
            assert "at most 2 requests at once" in str(refused(house))
        with house.place():
            pass
    assert seen == [1, 2, 1, 2, 1, 0]


def one_leaves_and_another_comes(house: House, *, inside: list[ExitStack]) -> None:
    inside.pop(0).close()
    inside.append(ExitStack())
    inside[-1].enter_context(house.place())


def filled(house: House, *, places: int) -> list[ExitStack]:
    inside = [ExitStack() for _ in range(places)]
    for each in inside:
        each.enter_context(house.place())
    return inside


def test_who_is_refused_is_told_when_all_inside_will_have_left() -> None:
    clock = Clock()
    house = House(places=10, observe=lambda _: None, clock=clock)
    inside = filled(house, places=10)
    assert refused(house).retry_after_s == 1  # nobody has left yet: nothing is known
    for _ in range(5):
        clock.now_s += 2.0
        one_leaves_and_another_comes(house, inside=inside)
    assert refused(house).retry_after_s == 20  # ten, one every two seconds


def test_the_wait_is_never_told_as_more_than_a_minute() -> None:
    clock = Clock()
    house = House(places=50, observe=lambda _: None, clock=clock)
    inside = filled(house, places=50)
    clock.now_s += 50.0
    one_leaves_and_another_comes(house, inside=inside)
    assert refused(house).retry_after_s == 60


def test_what_was_long_ago_says_nothing_of_now() -> None:
    clock = Clock()
    house = House(places=1, observe=lambda _: None, clock=clock)
    with house.place():
        clock.now_s += 30.0
    clock.now_s += 1000.0
    with house.place():
        assert refused(house).retry_after_s == 1


def test_a_house_that_closes_finishes_what_is_inside_and_refuses_the_rest() -> None:
    async def play() -> None:
        house = House(places=4, observe=lambda _: None)
        with ExitStack() as inside:
            inside.enter_context(house.place())
            closing = asyncio.create_task(house.close(within_s=60))
            await asyncio.sleep(0)
            with pytest.raises(ClosingError), house.place():
                pass
            assert not closing.done()
        assert await closing

    asyncio.run(play())


def test_a_house_closes_when_its_time_has_passed() -> None:
    async def play() -> None:
        house = House(places=1, observe=lambda _: None)
        with house.place():
            assert not await house.close(within_s=0.01)
            assert house.closing

    asyncio.run(play())
