#include <algorithm>

#include "base/text.hpp"
#include "mime/gmime.hpp"
#include "mime/gmime_params.hpp"
#include "mime/message.hpp"
#include "mime/tree.hpp"

namespace postern {
namespace {

/// RFC 2045 5.1 token.
bool is_token(std::string_view text) noexcept {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return c > 0x20 && c < 0x7F && std::string_view("()<>@,;:\\\"/[]?=").find(c) == std::string_view::npos;
  });
}

}  // namespace

bool is_media_type(std::string_view value) noexcept {
  const std::string_view type = trim(value.substr(0, value.find(';')));
  const auto slash = type.find('/');
  return slash != std::string_view::npos && is_token(trim(type.substr(0, slash))) && is_token(trim(type.substr(slash + 1)));
}

std::map<std::string, std::string> parameters_of(GMimeParamList* list) {
  std::map<std::string, std::string> out;
  for (int i = 0; i < g_mime_param_list_length(list); ++i) {
    GMimeParam* param = g_mime_param_list_get_parameter_at(list, i);
    out.emplace(to_lower(text_or_empty(g_mime_param_get_name(param))), made_valid_utf8(text_or_empty(g_mime_param_get_value(param))));
  }
  return out;
}

ContentType parse_content_type(std::string_view value) {
  ensure_gmime();
  std::string text = unfold(value);
  // RFC 2045 5.2: what is syntactically invalid is plain text.
  if (!is_media_type(text)) return {"text/plain", {}};
  std::replace(text.begin(), text.end(), '\0', ' ');
  const GPtr<GMimeContentType> parsed(g_mime_content_type_parse(nullptr, text.c_str()));
  ContentType out;
  out.type = to_lower(text_or_empty(g_mime_content_type_get_media_type(parsed.get())) + "/" +
                      text_or_empty(g_mime_content_type_get_media_subtype(parsed.get())));
  out.parameters = parameters_of(g_mime_content_type_get_parameters(parsed.get()));
  return out;
}

std::string ContentType::parameter(std::string_view name) const {
  const auto found = parameters.find(to_lower(name));
  return found == parameters.end() ? std::string{} : found->second;
}

}  // namespace postern
