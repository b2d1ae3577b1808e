#include "gateway/file_sink.hpp"

#include <boost/json.hpp>
#include <filesystem>

#include "store/segment_file.hpp"
#include "store/synced_file.hpp"

namespace postern::gateway {
namespace {

std::string envelope_json(const QueueItem& item) {
  boost::json::array recipients;
  for (const auto& r : item.recipients) recipients.emplace_back(r.address);
  return boost::json::serialize(boost::json::object{{"id", item.message.get()},
                                                    {"sender", item.envelope->reverse_path},
                                                    {"recipients", std::move(recipients)},
                                                    {"seal", item.seal},
                                                    {"accepted", rfc3339(item.envelope->accepted)}}) +
         "\n";
}

}  // namespace

Status write_to_folder(const std::string& directory, const QueueItem& item) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) return fail(ErrorCode::Unavailable, directory + ": " + error.message(), "file");
  const std::string base = directory + "/" + item.message.get() + "-" + std::to_string(item.item.get());
  // The message last: who sees it finds its envelope too.
  POSTERN_CHECK(write_synced_file(base + ".json", envelope_json(item)));
  POSTERN_CHECK(write_synced_file(base + ".eml", *item.content));
  return sync_directory(directory);
}

}  // namespace postern::gateway
