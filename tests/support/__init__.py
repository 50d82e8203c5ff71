"""Series made by code, and means to judge what came back, shared by the tests."""
