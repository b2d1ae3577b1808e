#include "base/result.hpp"

namespace postern {

std::string_view name_of(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::BadInput: return "bad_input";
    case ErrorCode::TooLarge: return "too_large";
    case ErrorCode::NotFound: return "not_found";
    case ErrorCode::Conflict: return "conflict";
    case ErrorCode::Denied: return "denied";
    case ErrorCode::IntegrityFailed: return "integrity_failed";
    case ErrorCode::Unavailable: return "unavailable";
    case ErrorCode::Timeout: return "timeout";
    case ErrorCode::Exhausted: return "exhausted";
    case ErrorCode::Unsupported: return "unsupported";
    case ErrorCode::Internal: return "internal";
  }
  return "internal";
}

std::string Error::text() const { return field.empty() ? what : field + ": " + what; }

Error Error::context(std::string_view where) && {
  what.insert(0, std::string(where) + ": ");
  return std::move(*this);
}

Error Error::context(std::string_view where) const& { return Error(*this).context(where); }

}  // namespace postern
