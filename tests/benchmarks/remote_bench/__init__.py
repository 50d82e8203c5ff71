"""Series on a web server, in the forms in which they are kept there."""
