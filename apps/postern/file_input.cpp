#include "file_input.hpp"

#include <unistd.h>

#include <boost/json.hpp>
#include <fstream>
#include <iostream>
#include <ostream>

#include "mime/writer.hpp"

namespace postern::cli {
namespace {

constexpr std::size_t kMaxInput = 64U * 1024 * 1024;

Result<std::string> read_all(std::istream& in, const std::string& path) {
  std::string out;
  std::string block(65536, '\0');
  while (in.read(block.data(), static_cast<std::streamsize>(block.size())) || in.gcount() > 0) {
    out.append(block, 0, static_cast<std::size_t>(in.gcount()));
    if (out.size() > kMaxInput) return fail(ErrorCode::TooLarge, "is larger than 64 MiB", path);
  }
  if (in.bad()) return fail(ErrorCode::BadInput, "cannot be read", path);
  return out;
}

int exit_status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::BadInput:
    case ErrorCode::Unsupported: return kUsage;
    case ErrorCode::TooLarge:
    case ErrorCode::NotFound:
    case ErrorCode::Conflict:
    case ErrorCode::IntegrityFailed: return kNo;
    case ErrorCode::Denied: return kNotPermitted;
    case ErrorCode::Unavailable:
    case ErrorCode::Timeout:
    case ErrorCode::Exhausted: return kUnreachable;
    case ErrorCode::Internal: return kInternal;
  }
  return kInternal;
}

}  // namespace

Result<std::string> read_input(const std::string& path, std::istream& in) {
  if (path == "-") return read_all(in, "standard input");
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(ErrorCode::BadInput, "cannot be opened", path);
  return read_all(file, path);
}

Result<std::string> read_message_input(const std::string& path, std::istream& in) {
  POSTERN_TRY(std::string text, read_input(path, in));
  return text.find("\r\n") == std::string::npos ? normalize_crlf(text) : text;
}

void report_error(Context& context, const char* verb, const Error& error) {
  context.exit_status = exit_status_of(error.code);
  std::cerr << "postern" << (*verb == '\0' ? "" : " ") << verb << ": " << error.text() << '\n';
  if (!context.json) return;
  const boost::json::object body{{"code", name_of(error.code)}, {"field", error.field}, {"what", error.what}};
  context.out << boost::json::object{{"error", body}} << '\n';
}

void report_input_error(Context& context, const char* verb, const Error& error) {
  report_error(context, verb, error);
  if (context.exit_status == kNo) context.exit_status = kUsage;
}

Result<std::string> read_password(std::istream& in) {
  if (&in == &std::cin && ::isatty(STDIN_FILENO) == 1) {
    char* typed = ::getpass("Password: ");
    return typed == nullptr ? Result<std::string>(fail(ErrorCode::BadInput, "no password was given"))
                            : Result<std::string>(std::string(typed));
  }
  std::string line;
  std::getline(in, line);
  if (!line.empty() && line.back() == '\r') line.pop_back();
  if (line.empty()) return fail(ErrorCode::BadInput, "no password: type it, or give it as the first line of standard input", "password");
  return line;
}

}  // namespace postern::cli
