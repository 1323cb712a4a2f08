"""What each error of the Kafka client means here; by name, so that this table loads no client."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterator

from schemas.errors import FatalFault, ObservatoryError, RejectedInput, TransientFault

#: A broker is away, changing its leader, starting, or slower than we wait: the same call may succeed later.
TRANSIENT = frozenset(
    {
        "BrokerNotAvailableError", "Cancelled", "ConcurrentTransactions", "CorrelationIdError",
        "FetchSessionIdNotFound", "GroupCoordinatorNotAvailableError", "GroupLoadInProgressError",
        "IllegalGenerationError", "InvalidFetchSessionEpoch", "KafkaConnectionError", "KafkaProtocolError",
        "KafkaStorageError", "KafkaTimeoutError", "KafkaUnavailableError", "LeaderNotAvailableError",
        "ListenerNotFound", "MemberIdRequired", "MetadataEmptyBrokerList", "NoBrokersAvailable", "NodeNotReadyError",
        "NotControllerError", "NotCoordinatorForGroupError", "NotEnoughReplicasAfterAppendError",
        "NotEnoughReplicasError", "NotLeaderForPartitionError", "OutOfOrderSequenceNumber", "ProducerClosed",
        "QuotaViolationError", "ReassignmentInProgress", "RebalanceInProgressError", "ReplicaNotAvailableError",
        "RequestTimedOutError", "StaleControllerEpochError", "StaleLeaderEpochCodeError", "StaleMetadata",
        "TooManyInFlightRequests", "UnknownMemberIdError", "UnknownProducerId",
    }
)  # fmt: skip

#: This record is too large, now and ever.
REJECTED = frozenset({"MessageSizeTooLargeError", "RecordListTooLargeError", "RecordTooLargeError"})

#: Wrong settings, access denied, a topic that does not exist, a broker of another age, or a mistake of ours.
FATAL = frozenset(
    {
        "AuthenticationFailedError", "AuthenticationMethodNotSupported", "BrokerResponseError",
        "ClusterAuthorizationFailedError", "CommitFailedError", "ConsumerStoppedError", "CorruptRecordException",
        "DelegationTokenAuthDisabled", "DelegationTokenAuthorizationFailed", "DelegationTokenExpired",
        "DelegationTokenNotFound", "DelegationTokenOwnerMismatch", "DelegationTokenRequestNotAllowed",
        "DuplicateSequenceNumber", "GroupAuthorizationFailedError", "GroupIdNotFound", "IllegalArgumentError",
        "IllegalOperation", "IllegalSaslStateError", "IllegalStateError", "IncompatibleBrokerVersion",
        "InconsistentGroupProtocolError", "InvalidCommitOffsetSizeError", "InvalidConfigurationError",
        "InvalidFetchRequestError", "InvalidGroupIdError", "InvalidPartitionsError", "InvalidPrincipalType",
        "InvalidProducerEpoch", "InvalidProducerIdMapping", "InvalidReplicationAssignmentError",
        "InvalidReplicationFactorError", "InvalidRequestError", "InvalidRequiredAcksError",
        "InvalidSessionTimeoutError", "InvalidTimestampError", "InvalidTopicError", "InvalidTransactionTimeout",
        "InvalidTxnState", "KafkaConfigurationError", "KafkaError", "LogDirNotFound", "NoError",
        "NoOffsetForPartitionError", "NonEmptyGroup", "OffsetMetadataTooLargeError", "OffsetOutOfRangeError",
        "OperationNotAttempted", "PolicyViolationError", "ProducerFenced", "SaslAuthenticationFailed",
        "SecurityDisabled", "TopicAlreadyExistsError", "TopicAuthorizationFailedError",
        "TransactionCoordinatorFenced", "TransactionalIdAuthorizationFailed", "UnknownError",
        "UnknownTopicOrPartitionError", "UnrecognizedBrokerVersion", "UnsupportedCodecError",
        "UnsupportedForMessageFormatError", "UnsupportedSaslMechanismError", "UnsupportedVersionError",
    }
)  # fmt: skip


#: What is wrong where a person can mend it, said in the words of the settings.
_SENTENCES = {
    "SaslAuthenticationFailed": "The Kafka broker does not take this username with this password.",
    "UnsupportedSaslMechanismError": "The Kafka broker does not take the SASL mechanism of the settings.",
}


#: OpenSSL, x509_vfy.h: self-signed, or signed by somebody who is not known here.
_UNKNOWN_SIGNER = frozenset({18, 19, 20, 21})


def is_kafka_error(error: BaseException) -> bool:
    """Tell whether an error comes from the Kafka client or from the network below it."""
    return isinstance(error, OSError) or type(error).__module__.startswith("aiokafka.")  # TimeoutError is an OSError


def to_fault(error: BaseException) -> ObservatoryError:
    """Return the fault that an error of the Kafka client, or of the network below it, means."""
    name = type(error).__name__
    detail = str(error).removeprefix(f"{name}: ").rstrip(".") or name
    if name in _SENTENCES:
        return FatalFault(_SENTENCES[name])
    if isinstance(error, ssl.SSLCertVerificationError):
        hint = ": broker.authority_file names the file of who signed it" if error.verify_code in _UNKNOWN_SIGNER else ""
        return FatalFault(
            f"The certificate of the Kafka broker is not trusted ({error.verify_message or detail}){hint}."
        )
    if isinstance(error, ssl.SSLError) and error.reason == "WRONG_VERSION_NUMBER":
        return FatalFault("The Kafka broker does not speak TLS at this address.")
    if name in REJECTED:
        return RejectedInput("record_too_large", "The record is larger than the broker takes.")
    if name in TRANSIENT or isinstance(error, OSError):
        return TransientFault(f"The Kafka broker does not serve us at the moment ({name}): {detail}.")
    return FatalFault(f"The Kafka broker refuses ({name}): {detail}.")


@contextlib.contextmanager
def translate_errors() -> Iterator[None]:
    """Turn the errors of the Kafka client, and of the network below it, into ours.

    Raises
    ------
    TransientFault
        The broker is away or slow.
    RejectedInput
        With ``record_too_large``.
    FatalFault
        Wrong settings, access denied, an unknown topic.
    """
    try:
        yield
    except Exception as error:
        if not is_kafka_error(error):
            raise
        raise to_fault(error) from error
