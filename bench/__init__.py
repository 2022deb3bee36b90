"""The side-by-side benchmark: the compiled path against hand-written SQL, with RLS on."""
