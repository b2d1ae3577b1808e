#include "api/x400_query.hpp"

#include <algorithm>

#include "api/x400_json.hpp"
#include "base/text.hpp"

namespace postern::api {
namespace {

constexpr std::size_t kLongest = 512;  // of a text that is looked for

using NameOf = std::string_view (*)(std::uint32_t);
template <class E>
std::string_view name_at(std::uint32_t place) {
  using cabinet::name_of;
  using ipm::name_of;
  return name_of(static_cast<E>(place));
}

/// "a,b": a bit for each of the names, whose places are their numbers.
Result<std::uint32_t> mask_in(const http::Request& request, const char* parameter, NameOf name_of, std::uint32_t count) {
  std::uint32_t out = 0;
  const std::string_view text = request.query_value(parameter);
  if (text.empty()) return out;
  std::string known;
  for (std::uint32_t n = 0; n < count; ++n) known += (n == 0 ? "" : ", ") + std::string(name_of(n));
  for (const std::string_view each : split(text, ',')) {
    std::string name(trim(each));
    std::ranges::replace(name, '_', ' ');
    const auto is_it = [&](std::uint32_t n) {
      std::string other(name_of(n));
      std::ranges::replace(other, '_', ' ');
      return other == name;
    };
    std::uint32_t n = 0;
    while (n < count && !is_it(n)) ++n;
    if (n == count) return fail(ErrorCode::BadInput, "must be of " + known + ", with commas between them", parameter);
    out |= std::uint32_t{1} << n;
  }
  return out;
}

Result<std::optional<bool>> flag_in(const http::Request& request, const char* parameter) {
  const std::string_view text = request.query_value(parameter);
  if (text.empty()) return std::optional<bool>();
  if (text == "1" || text == "true") return std::optional(true);
  if (text == "0" || text == "false") return std::optional(false);
  return fail(ErrorCode::BadInput, "must be 1 or 0", parameter);
}

Result<std::optional<std::int64_t>> time_in(const http::Request& request, const char* parameter) {
  const std::string text(request.query_value(parameter));
  if (text.empty()) return std::optional<std::int64_t>();
  const auto time = parse_rfc3339(text);
  if (!time) return fail(ErrorCode::BadInput, time.error().what, parameter);
  return std::optional(unix_seconds(*time));
}

Result<std::string> id_in(const http::Request& request, const char* parameter) {
  std::string out(request.query_value(parameter));
  if (!out.empty() && !is_ulid(out)) return fail(message_id(out, parameter).error());
  return out;
}

Result<std::string> text_in(const http::Request& request, const char* parameter) {
  std::string out(request.query_value(parameter));
  if (out.size() > kLongest || !is_utf8(out))
    return fail(ErrorCode::BadInput, "must be UTF-8 of at most " + std::to_string(kLongest) + " octets", parameter);
  return out;
}

template <class E>
constexpr std::uint32_t count_of(E last) {
  return static_cast<std::uint32_t>(last) + 1;
}

Status read_masks(const http::Request& request, cabinet::Query& out) {
  using cabinet::Kind;
  using cabinet::State;
  POSTERN_TRY(out.kinds, mask_in(request, "kind", name_at<Kind>, count_of(Kind::Notification)));
  POSTERN_TRY(out.states, mask_in(request, "state", name_at<State>, count_of(State::Cancelled)));
  POSTERN_TRY(out.priorities, mask_in(request, "priority", name_at<sdk::Priority>, count_of(sdk::Priority::Urgent)));
  POSTERN_TRY(out.outcomes, mask_in(request, "outcome", name_at<ipm::Stage>, count_of(ipm::Stage::NotRead)));
  return {};
}

}  // namespace

Result<cabinet::Query> query_in(const http::Request& request) {
  cabinet::Query out;
  out.folder = request.query_value("folder");
  POSTERN_TRY(out.before, id_in(request, "before"));
  POSTERN_TRY(out.after, id_in(request, "after"));
  POSTERN_CHECK(read_masks(request, out));
  POSTERN_TRY(out.opened, flag_in(request, "opened"));
  POSTERN_TRY(out.reported, flag_in(request, "reports"));
  POSTERN_TRY(out.since, time_in(request, "since"));
  POSTERN_TRY(out.until, time_in(request, "until"));
  POSTERN_TRY(out.from, text_in(request, "from"));
  POSTERN_TRY(out.to, text_in(request, "to"));
  POSTERN_TRY(out.subject, text_in(request, "subject"));
  POSTERN_TRY(out.content_identifier, text_in(request, "content_identifier"));
  return out;
}

}  // namespace postern::api
