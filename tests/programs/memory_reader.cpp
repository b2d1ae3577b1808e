// Reads the whole memory of a process as an intruder within it would, and says which of the given byte strings are there.
//
//   memory_reader PID < NEEDLES        lines "NAME HEX"
//   found NAME ADDRESS MAPPING         for each place
//   read BYTES SECRET-BYTES UNREADABLE-BYTES
//
// /proc/PID/mem shows root all but the pages of memfd_secret. Those are copied by the process itself: one thread is stopped, made to run
// `rep movsb` from there to its own stack, and put back. So the reader sees what code in the process sees. x86-64, root.
#include <dirent.h>
#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

namespace {

struct Needle {
  std::string name, bytes;
};
struct Mapping {
  std::uint64_t begin = 0, end = 0;
  std::string rights, name;
};

[[noreturn]] void give_up(const char* what) {
  std::perror(what);
  std::exit(2);
}

std::vector<Needle> read_needles() {
  std::vector<Needle> out;
  std::string name, hex;
  while (std::cin >> name >> hex) {
    std::string bytes;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2) bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
    if (bytes.size() >= 8) out.push_back({name, bytes});
  }
  return out;
}

std::vector<Mapping> mappings_of(pid_t pid) {
  std::vector<Mapping> out;
  std::ifstream file("/proc/" + std::to_string(pid) + "/maps");
  for (std::string line; std::getline(file, line);) {
    Mapping m;
    std::string offset, device, inode, range;
    std::istringstream words(line);
    words >> range >> m.rights >> offset >> device >> inode;
    std::getline(words >> std::ws, m.name);
    m.begin = std::stoull(range, nullptr, 16);
    m.end = std::stoull(range.substr(range.find('-') + 1), nullptr, 16);
    if (m.rights[0] == 'r') out.push_back(m);
  }
  return out;
}

std::vector<pid_t> stop_threads(pid_t pid) {
  std::vector<pid_t> out;
  DIR* folder = ::opendir(("/proc/" + std::to_string(pid) + "/task").c_str());
  if (folder == nullptr) give_up("task");
  while (const dirent* entry = ::readdir(folder)) {
    const pid_t tid = std::atoi(entry->d_name);
    if (tid == 0) continue;
    int status = 0;
    if (::ptrace(PTRACE_SEIZE, tid, nullptr, nullptr) != 0 || ::ptrace(PTRACE_INTERRUPT, tid, nullptr, nullptr) != 0) give_up("ptrace");
    if (::waitpid(tid, &status, __WALL) != tid) give_up("waitpid");
    out.push_back(tid);
  }
  ::closedir(folder);
  return out;
}

// The stopped main thread, which copies for us.
class Inside {
 public:
  Inside(pid_t pid, int memory) : m_pid(pid), m_memory(memory) {
    if (::ptrace(PTRACE_GETREGS, pid, nullptr, &m_saved) != 0) give_up("registers");
    m_code = m_saved.rip;
    m_scratch = (m_saved.rsp - kBelow) & ~0xfffULL;
    errno = 0;
    m_word = ::ptrace(PTRACE_PEEKTEXT, pid, m_code, nullptr);
    if (errno != 0) give_up("code");
    const long code = (m_word & ~0xffffffL) | 0xcca4f3;  // rep movsb; int3
    if (::ptrace(PTRACE_POKETEXT, pid, m_code, code) != 0) give_up("code");
  }
  ~Inside() {
    (void)::ptrace(PTRACE_POKETEXT, m_pid, m_code, m_word);
    (void)::ptrace(PTRACE_SETREGS, m_pid, nullptr, &m_saved);
  }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;

  bool copy(std::uint64_t from, char* into, std::size_t size) {
    user_regs_struct registers = m_saved;
    registers.rip = m_code;
    registers.rsi = from;
    registers.rdi = m_scratch;
    registers.rcx = size;
    registers.orig_rax = ~0ULL;  // whatever call it was in is not repeated now
    registers.eflags &= ~0x400ULL;
    int status = 0;
    if (::ptrace(PTRACE_SETREGS, m_pid, nullptr, &registers) != 0 || ::ptrace(PTRACE_CONT, m_pid, nullptr, nullptr) != 0) give_up("copy");
    if (::waitpid(m_pid, &status, __WALL) != m_pid || !WIFSTOPPED(status)) give_up("copy");
    if (WSTOPSIG(status) != SIGTRAP) return false;
    const bool got = ::pread(m_memory, into, size, static_cast<off_t>(m_scratch)) == static_cast<ssize_t>(size);
    const std::string zeros(size, '\0');
    return ::pwrite(m_memory, zeros.data(), size, static_cast<off_t>(m_scratch)) == static_cast<ssize_t>(size) && got;
  }

 private:
  static constexpr std::uint64_t kBelow = 256 * 1024;  // of the stack pointer: nothing of the thread is there
  pid_t m_pid;
  int m_memory;
  user_regs_struct m_saved{};
  std::uint64_t m_code = 0, m_scratch = 0;
  long m_word = 0;
};

void search(const std::vector<Needle>& needles, const std::string& text, const Mapping& mapping, std::uint64_t at) {
  for (const Needle& needle : needles) {
    for (auto hit = text.find(needle.bytes); hit != std::string::npos; hit = text.find(needle.bytes, hit + 1))
      std::printf("found %s %llx %s\n", needle.name.c_str(), static_cast<unsigned long long>(at + hit),
                  mapping.name.empty() ? "anonymous" : mapping.name.c_str());
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const pid_t pid = std::atoi(argv[1]);
  const auto needles = read_needles();
  const auto threads = stop_threads(pid);
  const int memory = ::open(("/proc/" + std::string(argv[1]) + "/mem").c_str(), O_RDWR | O_CLOEXEC);
  if (memory < 0) give_up("mem");
  std::uint64_t all = 0, secret = 0, unreadable = 0;
  {
    Inside inside(pid, memory);
    for (const Mapping& mapping : mappings_of(pid)) {
      if (mapping.name == "[vvar]" || mapping.name == "[vvar_vclock]" || mapping.name == "[vsyscall]") continue;
      std::string text(mapping.end - mapping.begin, '\0');
      for (std::uint64_t at = mapping.begin; at < mapping.end; at += 4096) {
        char* into = text.data() + (at - mapping.begin);
        const bool hidden = mapping.name.find("secretmem") != std::string::npos;
        if (!hidden && ::pread(memory, into, 4096, static_cast<off_t>(at)) == 4096)
          all += 4096;
        else if (hidden && inside.copy(at, into, 4096))
          secret += 4096;
        else
          unreadable += 4096;
      }
      search(needles, text, mapping, mapping.begin);
    }
  }
  for (const pid_t tid : threads) (void)::ptrace(PTRACE_DETACH, tid, nullptr, nullptr);
  std::printf("read %llu %llu %llu\n", static_cast<unsigned long long>(all), static_cast<unsigned long long>(secret),
              static_cast<unsigned long long>(unreadable));
}
