// The trace bundle: what a supporter may see. Written from known fields one by one, so that nothing gets in by being added to an item.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <filesystem>

#include "base/unique_fd.hpp"
#include "cabinet/impl.hpp"

namespace postern::cabinet {
namespace {

namespace json = boost::json;

constexpr std::size_t kPage = 500;

std::string head(const Options& options, std::string_view mode, WallTime now) {
  return json::serialize(json::object{{"bundle", 1}, {"time", rfc3339(now)}, {"version", options.version}, {"mode", mode}});
}

json::object counts_of(const Item& item) {
  std::map<std::string_view, std::uint64_t> counts;
  for (const Recipient& each : item.recipients) ++counts[ipm::name_of(each.stage)];
  json::object out;
  for (const auto& [name, count] : counts) out[name] = count;
  return out;
}

std::string line_of(const Item& item) {
  std::uint64_t size = 0;
  for (const Copy& each : item.copies) size += each.size;
  json::object out{{"id", item.id.get()}, {"kind", name_of(item.kind)}, {"state", name_of(item.state)}};
  out["folder"] = folder::is_fixed(item.folder) ? std::string_view(item.folder) : "own";
  out["strategy"] = item.strategy ? json::value(static_cast<int>(*item.strategy)) : json::value(nullptr);
  out["priority"] = name_of(item.priority);
  out["size"] = size;
  out["copies"] = item.copies.size();
  out["recipients"] = item.recipients.size();
  out["created"] = rfc3339(wall_from_millis(item.created));
  out["changed"] = rfc3339(wall_from_millis(item.changed));
  out["outcomes"] = counts_of(item);
  return json::serialize(out);
}

std::string line_of(const MessageId& id, const Step& step) {
  return json::serialize(json::object{
      {"id", id.get()}, {"step", step.name}, {"ok", step.ok}, {"ms", step.millis}, {"time", rfc3339(wall_from_millis(step.time))}});
}

tl::unexpected<Error> not_written(const std::string& path) {
  return fail(ErrorCode::Unavailable, "cannot write " + path + ": check its folder and the space there", "tracing.trace_bundle_path");
}

Status write_all(int fd, std::string_view text, const std::string& path) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written <= 0) return not_written(path);
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

}  // namespace

Status Cabinet::bundle(const std::function<Status(std::string_view)>& line) {
  POSTERN_CHECK(line(head(m_impl->options, m_impl->parts.service.mode(), m_impl->parts.clock.now())));
  for (Query query;;) {
    POSTERN_TRY(const Page page, list(query, kPage));
    for (const Item& item : page.items) {
      POSTERN_CHECK(line(line_of(item)));
      POSTERN_TRY(const auto steps, trace(item.id));
      for (const Step& each : steps) POSTERN_CHECK(line(line_of(item.id, each)));
    }
    if (!page.next) return {};
    query.before = *page.next;
  }
}

Result<Cabinet::Written> Cabinet::write_bundle(const Actor& actor) {
  Written out{m_impl->options.trace_bundle_path};
  if (out.path.empty())
    return fail(ErrorCode::NotFound, "no file is set for trace bundles: set it, or get the bundle from /trace/bundle",
                "tracing.trace_bundle_path");
  const std::string part = out.path + ".part";
  const UniqueFd file(::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file) return not_written(part);
  POSTERN_CHECK(bundle([&](std::string_view line) -> Status {
    ++out.lines;
    return write_all(file.get(), std::string(line) + "\n", part);
  }));
  if (::fsync(file.get()) != 0 || ::rename(part.c_str(), out.path.c_str()) != 0) return not_written(out.path);
  AuditRecord record{m_impl->parts.clock.now(), "x400.mailbox.trace_bundle", actor.correlation, {}, actor.name, "{}"};
  POSTERN_CHECK(SqliteAuditLog(m_impl->parts.store).append(std::move(record)));
  return out;
}

}  // namespace postern::cabinet
