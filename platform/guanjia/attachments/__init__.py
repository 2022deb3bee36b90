"""Files that hang on rows: photos and documents, readable with the row they hang on."""
