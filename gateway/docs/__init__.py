"""The description of the gateway as files: the document and the page that shows it."""
