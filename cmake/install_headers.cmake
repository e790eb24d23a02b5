# Run by `cmake --install`. Here a header is included from the root of the tree, by whoever uses the
# library as <osteon/nn/module.h>: so is what it includes itself.
foreach(header ${headers})
  file(READ ${source}/${header} text)
  string(REGEX REPLACE "#include \"([^\"]+)\"" "#include <osteon/\\1>" text "${text}")
  file(WRITE "$ENV{DESTDIR}${CMAKE_INSTALL_PREFIX}/${destination}/${header}" "${text}")
endforeach()
