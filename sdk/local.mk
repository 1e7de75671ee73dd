# The contract: installed headers, only the C library.
pkginclude_HEADERS =
