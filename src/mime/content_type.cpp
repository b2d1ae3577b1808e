#include <algorithm>

#include "base/text.hpp"
#include "mime/encoded_run.hpp"
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

/// What GMime may see: unfolded, without NUL, without encoded words.
std::string for_gmime(std::string_view value) {
  std::string text = unfold(value);
  std::replace(text.begin(), text.end(), '\0', ' ');
  return text.find("=?") == std::string::npos ? text : decode_parameter_words(text);
}

}  // namespace

GPtr<GMimeContentType> parsed_type(std::string_view value) {
  ensure_gmime();
  return GPtr<GMimeContentType>(g_mime_content_type_parse(nullptr, for_gmime(value).c_str()));
}

GPtr<GMimeContentDisposition> parsed_disposition(std::string_view value) {
  ensure_gmime();
  return GPtr<GMimeContentDisposition>(g_mime_content_disposition_parse(nullptr, for_gmime(value).c_str()));
}

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

std::string media_type(std::string_view value) {
  // RFC 2045 5.2: what is syntactically invalid is plain text.
  if (!is_media_type(value)) return "text/plain";
  const std::string_view type = trim(value.substr(0, value.find(';')));
  const auto slash = type.find('/');
  return to_lower(trim(type.substr(0, slash))) + "/" + to_lower(trim(type.substr(slash + 1)));
}

ContentType parse_content_type(std::string_view value) {
  ContentType out{media_type(value), {}};
  if (!is_media_type(value)) return out;
  out.parameters = parameters_of(g_mime_content_type_get_parameters(parsed_type(value).get()));
  return out;
}

std::string ContentType::parameter(std::string_view name) const {
  const auto found = parameters.find(to_lower(name));
  return found == parameters.end() ? std::string{} : found->second;
}

}  // namespace postern
