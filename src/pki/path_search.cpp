#include "pki/path_search.hpp"

#include <openssl/x509v3.h>

#include <algorithm>

namespace postern {
namespace {

bool in_time(const Certificate& certificate, WallTime at) {
  const auto second = std::chrono::floor<std::chrono::seconds>(at);
  return certificate.not_before() <= second && second <= certificate.not_after();
}

class PathSearch {
 public:
  PathSearch(const VerifyRequest& request) : m_request(request), m_anchors(anchors_of(request)) {}

  std::vector<CandidatePath> run() {
    if (in_time(*m_request.leaf, m_request.at)) extend(*m_request.leaf);
    return std::move(m_found);
  }

 private:
  bool exhausted() const { return m_found.size() >= kPathsTried || m_comparisons >= kPathComparisons; }

  bool issued(const Certificate& issuer, const Certificate& subject) {
    ++m_comparisons;
    return X509_check_issued(issuer.native(), subject.native()) == X509_V_OK && in_time(issuer, m_request.at);
  }

  bool on_path(const Certificate& certificate) const {
    return certificate == *m_request.leaf || std::ranges::find(m_path, certificate) != m_path.end();
  }

  void extend(const Certificate& last) {
    for (const Certificate& anchor : m_anchors) {
      if (exhausted()) return;
      if (issued(anchor, last)) m_found.push_back({m_path, anchor});
    }
    if (m_path.size() == kPathDepth) return;
    for (const Certificate& next : m_request.intermediates) {
      if (exhausted()) return;
      if (!issued(next, last) || on_path(next)) continue;
      m_path.push_back(next);
      extend(next);
      m_path.pop_back();
    }
  }

  const VerifyRequest& m_request;
  CertificateChain m_anchors, m_path;
  std::vector<CandidatePath> m_found;
  std::size_t m_comparisons = 0;
};

}  // namespace

CertificateChain anchors_of(const VerifyRequest& request) {
  CertificateChain out(request.roots.begin(), request.roots.end());
  if (request.more_roots == nullptr) return out;
  const X509StackPtr more(X509_STORE_get1_all_certs(request.more_roots));
  for (int i = 0; more && i < sk_X509_num(more.get()); ++i) {
    if (auto anchor = Certificate::from_native(sk_X509_value(more.get(), i))) out.push_back(*std::move(anchor));
  }
  return out;
}

std::vector<CandidatePath> candidate_paths(const VerifyRequest& request) {
  auto out = PathSearch(request).run();
  openssl_clear_errors();
  return out;
}

}  // namespace postern
