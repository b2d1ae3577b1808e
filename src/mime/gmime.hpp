// GMime and GLib behind C++ ownership. Internal to mime/: no public header includes this.
#pragma once

#include <gmime/gmime.h>

#include <memory>
#include <string>
#include <string_view>

namespace postern {

template <auto Release>
struct Releaser {
  template <class T>
  void operator()(T* thing) const {
    Release(thing);
  }
};
/// A GObject; a C string of GLib's; the parser's options.
template <class Object>
using GPtr = std::unique_ptr<Object, Releaser<g_object_unref>>;
using GString8 = std::unique_ptr<char, Releaser<g_free>>;
using GOptions = std::unique_ptr<GMimeParserOptions, Releaser<g_mime_parser_options_free>>;

/// Before any GMime call; once per process, from any thread.
inline void ensure_gmime() {
  static const bool ready = [] {
    g_mime_init();
    return true;
  }();
  (void)ready;
}

/// A C string of GLib's, which may be null.
[[nodiscard]] inline std::string text_or_empty(const char* text) { return text == nullptr ? std::string{} : std::string(text); }

/// Always UTF-8: what is not becomes U+FFFD.
[[nodiscard]] inline std::string made_valid_utf8(std::string_view text) {
  const GString8 valid(g_utf8_make_valid(text.data(), static_cast<gssize>(text.size())));
  return text_or_empty(valid.get());
}

}  // namespace postern
