"""When credentials that lie in files come to their end: certificates, proxies and tokens."""

from autopyfactory.expiry.certificate import certificate_end
from autopyfactory.expiry.files import CredentialFiles
from autopyfactory.expiry.token import tokens_end

__all__ = ["CredentialFiles", "certificate_end", "tokens_end"]
