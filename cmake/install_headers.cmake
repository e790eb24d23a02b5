# Run by `cmake --install`. In the tree, headers are included from its root; users of the library
# include <osteon/nn/module.h>. So the installed headers' own includes are rewritten.
foreach(header ${headers})
  file(READ ${source}/${header} text)
  string(REGEX REPLACE "#include \"([^\"]+)\"" "#include <osteon/\\1>" text "${text}")
  file(WRITE "$ENV{DESTDIR}${CMAKE_INSTALL_PREFIX}/${destination}/${header}" "${text}")
endforeach()
