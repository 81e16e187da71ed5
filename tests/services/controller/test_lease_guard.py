"""The methods that may move the robot are exactly those the wire format marks."""

from services.controller.lease_guard import leased_methods


def test_marked_methods_are_found_by_their_option():
    assert leased_methods() == {
        "/mbctl.v1.RobotService/Activate",
        "/mbctl.v1.RobotService/Deactivate",
        "/mbctl.v1.RobotService/Jog",
        "/mbctl.v1.EpisodeService/RunEpisodes",
    }
