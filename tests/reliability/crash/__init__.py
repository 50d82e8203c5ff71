"""Writers that are killed, starved, robbed of their folder and made to race."""
