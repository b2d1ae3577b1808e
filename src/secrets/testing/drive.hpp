// Drives one backend in tests as the core does: finds the path, reads the fields, asks for existence, calls the handler.
#pragma once

#include "vault/backend.hpp"

namespace postern::vault::testing {

/// What a call brought: the answer, or the error.
struct Outcome {
  int status = 0;  ///< As HTTP would show it.
  boost::json::object data;
  std::vector<std::string> warnings;
  std::string error;
  std::string field;
  bool existed = false;

  [[nodiscard]] const boost::json::value& at(std::string_view pointer) const { return find(pointer); }
  [[nodiscard]] std::string text(std::string_view pointer) const {
    const auto& value = find(pointer);
    return value.is_string() ? std::string(value.get_string()) : "not a string: " + boost::json::serialize(value);
  }

 private:
  [[nodiscard]] const boost::json::value& find(std::string_view pointer) const {
    static const boost::json::value nothing;
    const boost::json::object* object = &data;
    const boost::json::value* value = nullptr;
    while (!pointer.empty()) {
      const std::size_t slash = pointer.find('/');
      if (object == nullptr) return nothing;
      value = object->if_contains(pointer.substr(0, slash));
      if (value == nullptr) return nothing;
      object = value->if_object();
      pointer = slash == std::string_view::npos ? std::string_view() : pointer.substr(slash + 1);
    }
    return value == nullptr ? nothing : *value;
  }
};

class Drive {
 public:
  explicit Drive(Backend& backend, Storage& storage, const Clock& clock) : m_backend(backend), m_storage(storage), m_clock(clock) {
    caller.cubbyhole = "cubby";
  }

  Outcome read(const std::string& path, std::string_view body = "{}") { return call(Operation::Read, path, body); }
  Outcome write(const std::string& path, std::string_view body = "{}") { return call(Operation::Update, path, body); }
  Outcome patch(const std::string& path, std::string_view body = "{}") { return call(Operation::Patch, path, body); }
  Outcome remove(const std::string& path) { return call(Operation::Delete, path, "{}"); }
  Outcome list(const std::string& path, std::string_view body = "{}") { return call(Operation::List, path, body); }

  Outcome call(Operation operation, const std::string& path, std::string_view body) {
    return call(operation, path, boost::json::parse(body).as_object());
  }
  Outcome call(Operation operation, const std::string& path, boost::json::object body) {
    Request request;
    request.operation = operation;
    request.path = path;
    request.data = std::move(body);
    Captures captures;
    const PathSpec* spec = match(path, captures);
    if (spec == nullptr) return failed(404, "unsupported path");
    auto fields = Fields::read(spec->fields, request.data, captures);
    if (!fields) return failed(fields.error());
    Call it{request, *fields, path, "mount/", m_storage, caller_present ? &caller : nullptr, m_clock.now(), false};
    if (operation == Operation::Update && spec->exists) {
      const auto exists = spec->exists(it);
      if (!exists) return failed(exists.error());
      it.existed = *exists;
      if (!*exists) operation = Operation::Create;
    }
    const auto handler = spec->operations.find(operation);
    if (handler == spec->operations.end()) return failed(405, "unsupported operation");
    auto answer = handler->second(it);
    Outcome outcome = answer ? shown(*std::move(answer), operation) : failed(answer.error());
    outcome.existed = it.existed;
    return outcome;
  }

  Caller caller;
  bool caller_present = true;

 private:
  using Captures = std::vector<std::pair<std::string_view, std::string>>;

  static Outcome failed(int status, std::string text) {
    Outcome outcome;
    outcome.status = status;
    outcome.error = std::move(text);
    return outcome;
  }
  static Outcome failed(const Error& error) {
    Outcome outcome = failed(status_of(error.code), error.what);
    outcome.field = error.field;
    return outcome;
  }
  static int status_of(ErrorCode code) {
    switch (code) {
      case ErrorCode::Denied: return 403;
      case ErrorCode::NotFound: return 404;
      case ErrorCode::Exhausted: return 429;
      case ErrorCode::Unavailable: return 503;
      case ErrorCode::Timeout: return 504;
      case ErrorCode::Internal: return 500;
      default: return 400;
    }
  }
  static Outcome shown(Answer answer, Operation operation) {
    Outcome outcome;
    outcome.warnings = answer.warnings;
    const bool reading = operation == Operation::Read || operation == Operation::List || operation == Operation::Scan;
    outcome.status = answer.data || !answer.warnings.empty() ? 200 : reading ? 404 : 204;
    if (answer.status != 0) outcome.status = answer.status;
    if (answer.data) {
      outcome.data = *std::move(answer.data);
      const auto* keys = outcome.data.if_contains("keys");
      if (operation == Operation::List && keys != nullptr && keys->is_array() && keys->get_array().empty()) outcome.status = 404;
    }
    return outcome;
  }

  static bool matches(std::string_view pattern, std::string_view path, Captures& captures, std::string& rank) {
    while (true) {
      const std::size_t slash = pattern.find('/'), cut = path.find('/');
      const std::string_view part = pattern.substr(0, slash);
      if (part.ends_with("...}") || part.ends_with("...?}")) {
        const bool optional = part.ends_with("?}");
        if (path.empty() && !optional) return false;
        captures.emplace_back(part.substr(1, part.size() - (optional ? 6 : 5)), path);
        rank += 'c';
        return true;
      }
      const std::string_view piece = path.substr(0, cut);
      if (part.starts_with('{')) {
        if (piece.empty()) return false;
        captures.emplace_back(part.substr(1, part.size() - 2), piece);
        rank += 'b';
      } else if (part != piece) {
        return false;
      } else {
        rank += 'a';
      }
      if (slash == std::string_view::npos) return cut == std::string_view::npos || cut + 1 == path.size();
      pattern.remove_prefix(slash + 1);
      path = cut == std::string_view::npos ? std::string_view() : path.substr(cut + 1);
    }
  }
  const PathSpec* match(std::string_view path, Captures& captures) const {
    const PathSpec* best = nullptr;
    std::string best_rank;
    for (const PathSpec& spec : m_backend.paths()) {
      Captures found;
      std::string rank;
      if (!matches(spec.pattern, path, found, rank)) continue;
      if (best != nullptr && best_rank <= rank) continue;
      best = &spec;
      best_rank = rank;
      captures = found;
    }
    return best;
  }

  Backend& m_backend;
  Storage& m_storage;
  const Clock& m_clock;
};

}  // namespace postern::vault::testing
