#include "reports/xml_elements.hpp"

#include <expat.h>

#include <algorithm>
#include <array>
#include <exception>
#include <memory>
#include <new>

#include "base/text.hpp"

namespace postern {
namespace {

constexpr char kSeparator = '\n';  // between namespace and name; neither can hold one
constexpr std::size_t kLargest = 1UL << 30;
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

/// Code points of windows-1252 for 0x80 to 0x9f; what it has no character for stands as the control character of that number.
constexpr std::array<int, 32> kWindows1252{0x20ac, 0x81,   0x201a, 0x192,  0x201e, 0x2026, 0x2020, 0x2021, 0x2c6,  0x2030, 0x160,
                                           0x2039, 0x152,  0x8d,   0x17d,  0x8f,   0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
                                           0x2013, 0x2014, 0x2dc,  0x2122, 0x161,  0x203a, 0x153,  0x9d,   0x17e,  0x178};

int other_encoding(void*, const XML_Char* name, XML_Encoding* out) {
  if (!iequals(name, "windows-1252") && !iequals(name, "cp1252")) return XML_STATUS_ERROR;
  for (int i = 0; i < 256; ++i) out->map[i] = i >= 0x80 && i < 0xa0 ? kWindows1252[static_cast<std::size_t>(i - 0x80)] : i;
  out->data = nullptr;
  out->convert = nullptr;
  out->release = nullptr;
  return XML_STATUS_OK;
}

/// What went wrong in words that say what to do; expat's own for the rest.
std::string reason_of(XML_Error error) {
  switch (error) {
    case XML_ERROR_NO_ELEMENTS:
    case XML_ERROR_UNCLOSED_TOKEN:
    case XML_ERROR_UNCLOSED_CDATA_SECTION:
    case XML_ERROR_PARTIAL_CHAR: return "is cut off";
    case XML_ERROR_UNKNOWN_ENCODING: return "is in a charset that is not read: send UTF-8";
    case XML_ERROR_UNDEFINED_ENTITY: return "uses an entity, which no report may: write the character";
    default: return std::string("is no well-formed XML: ") + XML_ErrorString(error);
  }
}

class Parse {
 public:
  Parse(const XmlLimits& limits, XmlSink& sink) : m_limits(limits), m_sink(sink), m_parser(::XML_ParserCreateNS(nullptr, kSeparator)) {
    if (!m_parser) throw std::bad_alloc();
    ::XML_SetUserData(m_parser.get(), this);
    ::XML_SetElementHandler(m_parser.get(), &Parse::on_start, &Parse::on_end);
    ::XML_SetCharacterDataHandler(m_parser.get(), &Parse::on_text);
    ::XML_SetStartDoctypeDeclHandler(m_parser.get(), &Parse::on_doctype);
    ::XML_SetUnknownEncodingHandler(m_parser.get(), &other_encoding, nullptr);
  }

  Status run(std::string_view document) {
    // In one piece: tokens are scanned once, however long they are.
    const auto state = ::XML_Parse(m_parser.get(), document.data(), static_cast<int>(document.size()), 1);
    if (m_thrown) std::rethrow_exception(m_thrown);
    if (!m_status) return m_status;
    if (state == XML_STATUS_OK) return {};
    const XML_Error error = ::XML_GetErrorCode(m_parser.get());
    if (error == XML_ERROR_NO_MEMORY) throw std::bad_alloc();
    return fail(ErrorCode::BadInput, reason_of(error) + " (line " + std::to_string(::XML_GetCurrentLineNumber(m_parser.get())) + ")",
                place());
  }

 private:
  struct Free {
    void operator()(XML_Parser parser) const noexcept { ::XML_ParserFree(parser); }
  };

  /// Nothing may be thrown through a library written in C, and nothing is called any more once something went wrong.
  template <class Work>
  static void guarded(void* self, Work work) noexcept {
    auto& parse = *static_cast<Parse*>(self);
    if (!parse.m_status || parse.m_thrown) return;
    try {
      parse.m_status = work(parse);
    } catch (...) {
      parse.m_thrown = std::current_exception();
    }
    if (!parse.m_status || parse.m_thrown) ::XML_StopParser(parse.m_parser.get(), XML_FALSE);
  }
  static void on_start(void* self, const XML_Char* name, const XML_Char**) {
    guarded(self, [name](Parse& parse) { return parse.start(name); });
  }
  static void on_end(void* self, const XML_Char*) {
    guarded(self, [](Parse& parse) { return parse.end(); });
  }
  static void on_text(void* self, const XML_Char* text, int size) {
    guarded(self, [text, size](Parse& parse) { return parse.text({text, static_cast<std::size_t>(size)}); });
  }
  static void on_doctype(void* self, const XML_Char*, const XML_Char*, const XML_Char*, int) {
    guarded(self, [](Parse&) { return fail(ErrorCode::BadInput, "has a document type declaration, which no report may", "report"); });
  }

  Status start(std::string_view name) {
    if (m_open.size() >= m_limits.depth) return too_large("nests deeper than " + std::to_string(m_limits.depth) + " elements");
    if (++m_elements > m_limits.elements) return too_large("has more than " + std::to_string(m_limits.elements) + " elements");
    XmlElement element;
    const auto separator = name.rfind(kSeparator);
    if (separator != std::string_view::npos) element.space = name.substr(0, separator);
    element.name = separator == std::string_view::npos ? name : name.substr(separator + 1);
    if (m_open.size() == 1) {
      m_in_child = 0;
      m_child = printable(element.name, 64);
      if (m_sink.repeats(element.name)) m_child += "[" + std::to_string(m_repeated++) + "]";
    }
    if (!m_open.empty() && ++m_in_child > m_limits.child_elements)
      return too_large("has more than " + std::to_string(m_limits.child_elements) + " elements in it");
    m_open.push_back(std::move(element));
    return m_open.size() == 1 ? m_sink.root(m_open.front()) : Status();
  }
  Status text(std::string_view more) {
    if (m_open.size() < 2) return {};
    std::string& text = m_open.back().text;
    if (text.empty()) more.remove_prefix(std::min(more.find_first_not_of(" \t\r\n"), more.size()));
    if (more.size() > m_limits.text_bytes - text.size())
      return too_large("is a text of more than " + std::to_string(m_limits.text_bytes) + " bytes");
    text += more;
    return {};
  }
  Status end() {
    XmlElement element = std::move(m_open.back());
    m_open.pop_back();
    element.text.resize(trim(element.text).size());  // its beginning has no white space
    if (m_open.empty()) return {};
    if (m_open.size() == 1) return m_sink.child(element, m_child);
    m_open.back().children.push_back(std::move(element));
    return {};
  }

  [[nodiscard]] Status too_large(std::string what) const { return fail(ErrorCode::TooLarge, std::move(what), place()); }
  [[nodiscard]] std::string place() const {
    if (m_open.size() < 2) return m_open.empty() ? "report" : printable(m_open[0].name, 64);
    std::string out = m_child;
    for (std::size_t i = 2; i < m_open.size(); ++i) out += "." + printable(m_open[i].name, 64);
    return out;
  }

  const XmlLimits& m_limits;
  XmlSink& m_sink;
  std::unique_ptr<XML_ParserStruct, Free> m_parser;
  std::vector<XmlElement> m_open;
  std::string m_child;  // the path of the root's child that is being read
  std::size_t m_elements = 0, m_in_child = 0, m_repeated = 0;
  Status m_status;
  std::exception_ptr m_thrown;
};

/// The character at the front: its octets, and whether XML can carry it (XML 1.0 2.2).
struct Character {
  std::size_t size = 1;
  bool carried = false;
};

Character first_character(std::string_view text) {
  const auto first = static_cast<unsigned char>(text.front());
  if (first < 0x80) return {1, first >= 0x20 || first == '\t' || first == '\n' || first == '\r'};
  const std::size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  const std::string_view one = text.substr(0, size);
  if (one.size() < size || !is_utf8(one)) return {1, false};
  return {size, one != "\xEF\xBF\xBE" && one != "\xEF\xBF\xBF"};
}

}  // namespace

Status read_xml(std::string_view document, const XmlLimits& limits, XmlSink& sink) {
  if (document.size() > kLargest) return fail(ErrorCode::TooLarge, "is larger than 1 GiB", "report");
  // Senders put line ends in front of the XML declaration, where none may be.
  document.remove_prefix(std::min(document.find_first_not_of(" \t\r\n"), document.size()));
  return Parse(limits, sink).run(document);
}

std::string xml_text(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Character one = first_character(text);
    switch (text.front()) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '\r': out += "&#13;"; break;
      default: out += one.carried ? text.substr(0, one.size) : kReplacement;
    }
    text.remove_prefix(one.size);
  }
  return out;
}

}  // namespace postern
