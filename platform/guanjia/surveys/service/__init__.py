"""The use-cases of surveys: opened and closed by what they are about, answered, collected."""
